"""What is written, each within one transaction: holds and bills, grants, pools."""
