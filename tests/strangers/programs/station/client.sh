#!/bin/bash
# weather station -> collector.   usage: ./client.sh host port
HOST=${1:-localhost}
PORT=${2:-7777}
NAME=station3
TOKEN=Zk81-q0aW-77

exec 3<>/dev/tcp/$HOST/$PORT || exit 1

say() {   # say TEXT CODE
    printf '%s\r\n' "$1" >&3
    read -r -t 1 answer <&3 || { echo "no answer to: $1"; exit 1; }
    answer=${answer%$'\r'}
    echo "$1 --> $answer"
    case "$answer" in
        $2*) ;;
        *) echo "expected $2"; exit 1;;
    esac
}

read -r -t 1 banner <&3 || { echo "no banner"; exit 1; }
echo "banner: $banner"
say "LOGIN $NAME $TOKEN" "230 hello $NAME"
for i in 1 2 3; do
    say "PUT wind $((RANDOM % 12)).$((RANDOM % 10))" 250
    say "PUT gust $((RANDOM % 20 + 5)).$((RANDOM % 10))" 250
    say "PUT rain $((i / 2)).0" 250
    sleep 0.1
done
say "bye" 221
exec 3>&-
exit 0
