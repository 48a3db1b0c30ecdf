echo "one  two" | wc -w | grep -q 2
