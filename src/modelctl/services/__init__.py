"""What commands and programs share: settings, keys and a database, wired to the layers below."""
