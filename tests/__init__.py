"""
The tests of pointsledger; README.md in this folder says where a test belongs.
"""
