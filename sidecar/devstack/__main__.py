"""`python -m devstack …`"""

from devstack.cli import app

if __name__ == "__main__":
    app(prog_name="devstack")
