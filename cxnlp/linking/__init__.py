"""Who owns a finding, and why.

The first that decides, in this order:

1. department: the source's explicit field names a department of the chart (hints.py);
2. group: the ticket's group, else its queue, has a rule or a department's name (hints.py);
3. mapping: product, location, agent, class, likewise and in this order (hints.py);
4. mention: the comment names a department, product or place; the one nearest to the finding wins (mentions.py);
5. owner: the topic has an owner;
6. unassigned.

1-3 speak of the whole comment: all its findings go there. 4 and 5 decide for each finding, so that the findings of one
comment may go to different departments.
"""
