echo "there are three words"
exit 1
