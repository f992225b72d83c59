"""Years of a small platform's life, played through the real code with the clock moved.

    plan.py      how many retailers, how many sign-ups a day, which days are lived
    clock.py     Python's clock and the fake Stripe's, moved together
    periodic.py  beat's schedule and the queue, in this process
    shops.py     the retailers: made, connected, paired, their staff
    days.py      what shoppers and staff do on a day
    bills.py     trials, cards that decline, one that leaves
    tables.py    every table, and what bounds it
    looks.py     what the pages, the sweep, the disk and the memory are like
    claims.py    what must hold at the end
    life.py      all of it together
"""
