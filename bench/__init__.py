"""Speed and memory, each figure beside a yardstick measured in the same run.

Machines differ and are noisy: ratios tell more than times. A benchmark is a module here with a
`main()` that prints its table.
"""
