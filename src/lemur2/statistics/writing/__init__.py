"""Files of a report: pictures, tables, and the page that shows them."""
