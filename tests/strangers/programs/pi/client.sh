#!/usr/bin/env bash
# cron job: report health of this pi. A connection for each report, server must say ACK
set -u
server=$1
port=$2

report() {
    exec 5<>"/dev/tcp/$server/$port" || { echo "cannot connect"; exit 1; }
    echo "$1" >&5
    ack=""
    read -t 1 -u 5 ack
    exec 5>&-
    if [ "$ack" != "ACK" ]; then
        echo "no ACK for '$1', got '$ack'" >&2
        exit 1
    fi
    echo "sent $1"
}

cpu() { echo "4$((RANDOM % 9)).$((RANDOM % 9))"; }

report "host=pi4,cpu=$(cpu),load=0.4$((RANDOM % 9)),free=512"
sleep 0.1
report "host=pi4,cpu=$(cpu),load=0.31"
sleep 0.1
report "host=pi4,cpu=$(cpu),load=1.12,free=498,throttled=0"
sleep 0.1
report "host=pizero,cpu=$(cpu),load=0.9$((RANDOM % 9)),free=61"
