"""Record + prose → a page of the Cosmos Cookbook, and the site around it."""
