"""The server: streams and whole recordings of many clients, in batches. See chapter 16."""
