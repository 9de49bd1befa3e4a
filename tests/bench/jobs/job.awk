# Word counts and sums over a text.
{ lines++; for (i = 1; i <= NF; i++) { count[$i]++; length_sum += length($i) } if ($1 ~ /^[a-m]/) early++; gsub(/[aeiou]/, "."); vowels += length($0) }
END { for (word in count) { n++; total += count[word]; if (count[word] > most) most = count[word] } print lines, n, total, most, length_sum, early, vowels }
