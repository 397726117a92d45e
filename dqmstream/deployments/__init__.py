"""What is deployed: releases and configurations described, compared, and who put which in force."""
