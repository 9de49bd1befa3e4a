#!/bin/bash
# perl
perl -e 'my %h = map { $_ => $_ ** 2 } 1 .. 50;
print join(",", map { $h{$_} } sort { $a <=> $b } keys %h), "\n";
my $s = "x" x 1000;
my $n = () = $s =~ /x/g;
print "$n\n";
printf "%s %.10f\n", "abc" =~ s/b/B/r, sqrt(2);
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1;
select undef, undef, undef, 5;
};
print $@;
my $pid = fork;
if (!$pid) { exit 7 } waitpid $pid, 0;
print $? >> 8, "\n";
open my $p, "-|", "echo from pipe";
print <$p>;
use Digest::MD5 "md5_hex";
print md5_hex("troupe"), "\n";
print "ok\n" if pack("N", 258) eq "\0\0\1\2";'
