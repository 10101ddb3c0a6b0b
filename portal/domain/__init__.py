"""What an airlock request is and who may do what with it: pure rules, without a database, a network or a clock."""
