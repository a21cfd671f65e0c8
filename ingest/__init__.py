"""The HTTP function: takes reports from tools, validates them, stores them."""
