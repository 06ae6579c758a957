"""What people open: HTML pages and an Excel workbook."""
