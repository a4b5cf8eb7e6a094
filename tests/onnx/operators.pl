# The operators that ONNX models have in their graphs and functions: a line "FILE OPERATOR…" for each FILE.
use strict;
use warnings;

sub varint {
    my ($bytes, $at) = @_;
    my ($value, $shift) = (0, 0);
    while (1) {
        my $byte = ord substr($$bytes, $$at++, 1);
        $value |= ($byte & 127) << $shift;
        return $value if $byte < 128 || $$at >= length $$bytes;
        $shift += 7;
    }
}

# The fields of a message that have a length: pairs of a number and the bytes.
sub fields {
    my ($bytes) = @_;
    my ($at, @found) = (0);
    while ($at < length $bytes) {
        my $tag = varint(\$bytes, \$at);
        my $type = $tag & 7;
        if ($type == 2) {
            my $size = varint(\$bytes, \$at);
            push @found, [$tag >> 3, substr($bytes, $at, $size)];
            $at += $size;
        } elsif ($type == 0) { varint(\$bytes, \$at) }
        else { $at += $type == 1 ? 8 : 4 }
    }
    return @found;
}

# Of the nodes in a graph (its field 1) or a function (its field 7): op_type is field 4.
sub add_nodes {
    my ($operators, $bytes, $field) = @_;
    for my $node (grep { $_->[0] == $field } fields($bytes)) {
        $operators->{$_->[1]} = 1 for grep { $_->[0] == 4 } fields($node->[1]);
    }
}

for my $file (@ARGV) {
    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    my %operators;
    for my $part (fields(scalar <$in>)) {
        add_nodes(\%operators, $part->[1], 1) if $part->[0] == 7;
        add_nodes(\%operators, $part->[1], 7) if $part->[0] == 25;
    }
    print join(' ', $file, sort keys %operators), "\n";
}
