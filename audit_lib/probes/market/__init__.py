"""Builders, asked about changed markets.

``perturbation`` makes changed panels (noise after a date, rows cut or blanked), ``cuts`` says
where a change shows, ``experiments`` puts many into one panel, ``responses`` tells what moved
beyond rounding, and ``tally`` adds trials up to one window a column: together ``influence``,
which ``measured`` keeps for all checks of a version. ``markets`` spoils or re-scales a sample;
``published`` moves what becomes known late; ``unfinished`` cuts the newest bar. ``transforms``
names what one column is of another. ``windows`` is for predictions that rest on several rows.
"""
