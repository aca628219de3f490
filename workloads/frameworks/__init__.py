"""The same steps in other frameworks, one file for each. Imports none of them: a process imports only its own."""
