"""Catalogs: TOML files of facts and prices, read strictly. Owns the file format; decides nothing about databases."""
