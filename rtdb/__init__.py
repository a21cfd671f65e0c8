"""A local Realtime Database: Firebase's REST protocol over a durable store on disk.

The rooms, from the wire to the disk: `app` (HTTP), `query` (query parameters), `rules`,
`body` (bodies read in pieces), `tree` (values), `commit` (group commit), `write`, `index`,
`read`, `store` (the SQLite file), `keys` and `order` (how keys and values sort).
"""
