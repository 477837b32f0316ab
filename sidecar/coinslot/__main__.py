"""`python -m coinslot` is the command `coinslot`."""

from coinslot.cli.app import app

if __name__ == "__main__":
    app(prog_name="coinslot")
