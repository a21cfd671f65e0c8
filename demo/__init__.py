"""A simulated project whose truth is known: it fills an empty database, and tests compare with it.

``project`` says what is simulated, ``population`` who its users are, ``visits`` when they come
and what drives them away, ``session`` what they do, ``reports`` what their tool sends, ``truth``
what an observer who sees everything would write down. ``run`` is what ``make run`` executes.
"""
