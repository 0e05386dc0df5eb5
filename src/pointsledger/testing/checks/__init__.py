"""
The checks of `StorageContract`, by what they are about; each is one test method, named after what must hold.
"""
