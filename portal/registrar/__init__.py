"""Keeps projects and people as the deployer's files say: policies in the database, accounts at the sign-in service.

`python -m portal.registrar` reads one list again and again and makes what is there agree with it. The list is all it
believes: whoever is not in it loses every group and may no longer sign in.
"""
