"""Signing in: django-allauth, told what this site wants of it.

`adapter` answers its questions, `backend` finds who is meant, `forms` are its forms
without their decoration, `urls` mounts the views that are used here and no others.
"""
