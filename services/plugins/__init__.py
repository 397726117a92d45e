"""Quality tests that other packages bring, in processes of their own."""
