"""How a request is turned down."""


class Refusal(Exception):
    """An answer other than success: its HTTP status and the sentence in `{"error": ...}`.

    Where the hosted database's words are known they are used, so that a client which
    matches on them finds them here too.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
