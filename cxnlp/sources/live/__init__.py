"""Sources that are pulled over HTTP from the systems where surveys, reviews and tickets live: one module a vendor.

What is shared is written once: `http` asks within limits and again after faults, `connector` turns a vendor's pages
into pages of feedback with a cursor, `values` reads times, numbers and words of JSON.
"""
