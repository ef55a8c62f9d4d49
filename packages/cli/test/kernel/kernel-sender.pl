# A sender without end on a socket of the kernel, and what TCP_INFO says of it meanwhile.
#
# Usage: perl kernel-sender.pl <host> <port> <controller> <seconds> <milliseconds between looks>
# Prints one line per look; see `kernel-sender.ts`, which reads them.

use strict;
use warnings;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket qw(PF_INET SOCK_STREAM IPPROTO_TCP inet_aton sockaddr_in);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# include/uapi/linux/tcp.h
use constant { TCP_INFO => 11, TCP_CONGESTION => 13, TCP_CC_INFO => 26 };

my ($host, $port, $controller, $seconds, $every_ms) = @ARGV;
my $chunk = "\0" x 65536;
my @lines;

socket(my $socket, PF_INET, SOCK_STREAM, IPPROTO_TCP) or die "socket: $!";
setsockopt($socket, IPPROTO_TCP, TCP_CONGESTION, $controller) or die "$controller: $!";
connect($socket, sockaddr_in($port, inet_aton($host))) or die "connect: $!";
fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!";

sub look {
    my ($now) = @_;
    my $info = getsockopt($socket, IPPROTO_TCP, TCP_INFO) or die "TCP_INFO: $!";
    # Eight bytes, 24 words of 32 bits, four of 64.
    my @byte = unpack 'C8', $info;
    my @word = unpack 'x8 L24', $info;
    my @quad = unpack 'x104 Q4', $info;
    my ($mss, $unacked, $sacked, $lost, $retrans) = @word[2, 4, 5, 6, 7];
    my ($rtt_us, $ssthresh, $cwnd, $total) = @word[15, 17, 18, 23];
    # struct tcp_bbr_info: bandwidth in two words, minimal round trip, gains in 1/256.
    my $cc = getsockopt($socket, IPPROTO_TCP, TCP_CC_INFO) // '';
    my $gain = length $cc >= 20 ? (unpack 'L5', $cc)[3] : 0;
    my $flight = $unacked - $sacked - $lost + $retrans;
    push @lines, join ' ', sprintf('%.6f', $now), $mss, $cwnd, $ssthresh, $rtt_us, $flight,
        $quad[2], $total, $byte[1], $gain;
}

my $start = clock_gettime(CLOCK_MONOTONIC);
my $next = 0;
for (;;) {
    my $now = clock_gettime(CLOCK_MONOTONIC) - $start;
    if ($now >= $next) {
        look($now);
        last if $now >= $seconds;
        $next += $every_ms / 1000;
        next;
    }
    my $writable = '';
    vec($writable, fileno($socket), 1) = 1;
    next if select(undef, $writable, undef, $next - $now) <= 0;
    my $taken = syswrite $socket, $chunk;
    die "write: $!" if !defined $taken && !$!{EAGAIN};
}
print "$_\n" for @lines;
