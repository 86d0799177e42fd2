"""`python -m mcp_server` is the same program as the console script, in a clone."""

from mcp_server.main import main

if __name__ == "__main__":
    main()
