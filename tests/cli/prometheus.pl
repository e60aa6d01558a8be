#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# usage: prometheus.pl FILE: what is wrong with a text in Prometheus' format 0.0.4; nothing, if it is
# right. Stricter than Prometheus: HELP and TYPE stand before the samples, and nothing is said twice.
use strict;
use warnings;

my ($file) = @ARGV;
open(my $fh, '<:raw', $file) or die "$file: $!\n";
my $text = do { local $/; <$fh> } // '';
my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*/;
my $string = qr/"(?:[^"\\\n]|\\\\|\\"|\\n)*"/;
my $number = qr/[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|Inf|NaN)/;
my (%type, %help, %done, %seen, %hist, $now);
my $line_nr = 0;

sub wrong { print "line $line_nr: $_[0]\n"; }

sub family { # the metric that a sample is of
	my ($n) = @_;
	for my $end ('_bucket', '_count', '_sum') {
		(my $base = $n) =~ s/\Q$end\E$// or next;
		return $base if ($type{$base} // '') eq 'histogram';
	}
	return $n;
}

sub begin {
	my ($f) = @_;
	return if defined $now && $now eq $f;
	$done{$now} = 1 if defined $now;
	wrong("$f is in two places") if $done{$f};
	$now = $f;
}

wrong('no newline at the end') if $text ne '' && $text !~ /\n\z/;
utf8::decode(my $copy = $text) or wrong('no UTF-8');
for my $line (split /\n/, $text) {
	$line_nr++;
	if ($line =~ /^# (HELP|TYPE) ($name) (.+)$/) {
		my ($what, $n, $rest) = ($1, $2, $3);
		begin($n);
		my $set = $what eq 'HELP' ? \%help : \%type;
		wrong("$what of $n twice") if $set->{$n}++;
		wrong("TYPE of $n behind its samples") if $what eq 'TYPE' && $seen{"any $n"};
		next if $what eq 'HELP';
		$type{$n} = $rest;
		wrong("unknown type $rest")
			unless $rest =~ /^(counter|gauge|histogram|summary|untyped)$/;
		next;
	}
	next if $line =~ /^#/ || $line eq '';
	if ($line !~ /^($name)(?:\{($label=$string(?:,$label=$string)*)?,?\})? ($number)(?: -?\d+)?$/) {
		wrong("no sample: $line");
		next;
	}
	my ($n, $labels, $value) = ($1, $2 // '', $3);
	my %labels;
	while ($labels =~ /($label)=($string)/g) {
		wrong("label $1 twice") if exists $labels{$1};
		$labels{$1} = $2;
	}
	my $f = family($n);
	begin($f);
	$seen{"any $f"} = 1;
	my $id = join(',', $n, map { "$_=$labels{$_}" } sort keys %labels);
	wrong("the same sample twice: $id") if $seen{$id}++;
	wrong("$n is below 0") if ($type{$f} // '') eq 'counter' && $value < 0;
	if ($n eq "${f}_bucket" && ($type{$f} // '') eq 'histogram') {
		my $le = delete $labels{le} // wrong('a bucket without le') && next;
		my $key = join(',', $f, map { "$_=$labels{$_}" } sort keys %labels);
		my $h = $hist{$key} //= {last => 0, le => -1};
		$le =~ s/"//g;
		$le = 9**9**9 if $le eq '+Inf';
		wrong("buckets of $key are not in order") if $le <= $h->{le};
		wrong("buckets of $key fall") if $value < $h->{last};
		@$h{'le', 'last'} = ($le, $value);
	} elsif ($n eq "${f}_count" && ($type{$f} // '') eq 'histogram') {
		my $key = join(',', $f, map { "$_=$labels{$_}" } sort keys %labels);
		my $h = $hist{$key} // {last => -1, le => 0};
		wrong("$key does not end with +Inf") if $h->{le} < 9**9**9;
		wrong("the count of $key is not its last bucket") if $h->{last} != $value;
	}
}
