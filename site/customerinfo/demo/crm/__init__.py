"""The sandbox CRM: a small stand-in for a retailer's CRM, in a process of its own.

It behaves like the vendors' CRMs that were measured, including what hurts: rate limits, errors
with names of its own, and an upsert that searches and then creates, without a guard against two
callers at once. Standard library only, so that it starts at once and shares nothing with the
product but the folder.

    python -m customerinfo.demo.crm --port 8010 --data DIR --account "Bean & Leaf=secret-key"
"""
