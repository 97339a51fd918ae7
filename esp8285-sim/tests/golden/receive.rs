//! Section 5: active and passive receive.

use crate::row::*;

const JOIN: &str = "AT+CWJAP=\"net\",\"password\"";
const OPEN81: &str = "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",81";
const UDP: &str = "AT+CIPSTART=4,\"UDP\",\"10.0.0.1\",53,4000,2";
const PASSIVE: &[&str] = &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1"];
const WAITING: &[&str] = &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1", OPEN81];
const CLOSED: &[&str] =
    &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1", "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80"];
const INFO: &[&str] = &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPDINFO=1"];

pub(crate) const ROWS: &[Row] = &[
    // 5.1
    row("5.1", V1, NET, OPEN81, "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5:hello"),
    row("5.1", V2, NET, OPEN81, "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5:hello\r\n"),
    row(
        "5.1",
        V1,
        NET0,
        "AT+CIPSTART=\"TCP\",\"10.0.0.1\",81",
        "CONNECT\r\n\r\nOK\r\n\r\n+IPD,5:hello",
    ),
    row(
        "5.1",
        V2,
        NET0,
        "AT+CIPSTART=\"TCP\",\"10.0.0.1\",81",
        "CONNECT\r\n\r\nOK\r\n\r\n+IPD,5:hello\r\n",
    ),
    row("5.1", V1, INFO, OPEN81, "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5,10.0.0.1,81:hello"),
    row("5.1", V2, INFO, OPEN81, "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5,\"10.0.0.1\",81:hello\r\n"),
    row(
        "5.1",
        V1,
        &["ATE0", JOIN, "AT+CIPDINFO=1"],
        "AT+CIPSTART=\"TCP\",\"10.0.0.1\",81",
        "CONNECT\r\n\r\nOK\r\n\r\n+IPD,5,10.0.0.1,81:hello",
    ),
    row(
        "5.1",
        V2,
        &["ATE0", JOIN, "AT+CIPDINFO=1"],
        "AT+CIPSTART=\"TCP\",\"10.0.0.1\",81",
        "CONNECT\r\n\r\nOK\r\n\r\n+IPD,5,\"10.0.0.1\",81:hello\r\n",
    ),
    row(
        "2.4.7",
        V1,
        NET,
        "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
        "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5:hello4,CLOSED\r\n",
    ),
    row(
        "5.1",
        V2,
        NET,
        "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
        "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5:hello\r\n4,CLOSED\r\n",
    ),
    row(
        "5.1",
        V1,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPSERVER=1,80"],
        "!dial 80",
        "0,CONNECT\r\n\r\n+IPD,0,2:hi0,CLOSED\r\n",
    ),
    row(
        "5.1",
        V1,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPDINFO=1", UDP, "AT+CIPSEND=4,1"],
        ">?",
        "\r\nRecv 1 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,4,2,10.0.0.1,53:ab\r\n+IPD,4,3,10.0.0.1,53:cde",
    ),
    row(
        "5.1",
        V2,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPDINFO=1", UDP, "AT+CIPSEND=4,1"],
        ">?",
        "\r\nRecv 1 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,4,2,\"10.0.0.1\",53:ab\r\n\r\n+IPD,4,3,\"10.0.0.1\",53:cde\r\n",
    ),
    row("5.1", V1, &["ATE0", JOIN, "AT+CIPMUX=1", UDP], "!datagram 4000 x", "\r\n+IPD,4,1:x"),
    // 5.2
    row("5.2", V1_5, NET, "AT+CIPRECVMODE=1", ERROR),
    row("5.2", FROM_1_7, NET, "AT+CIPRECVMODE=1", OK),
    row("5.2", FROM_1_7, PASSIVE, OPEN81, "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5\r\n"),
    row("5.2", V1_7, WAITING, "AT+CIPRECVDATA=4,9", "\r\n+CIPRECVDATA,5:hello\r\nOK\r\n"),
    row("5.2", V2, WAITING, "AT+CIPRECVDATA=4,9", "+CIPRECVDATA:5,hello\r\nOK\r\n"),
    row("5.2", V1_7, WAITING, "AT+CIPRECVDATA=4,2", "\r\n+CIPRECVDATA,2:he\r\nOK\r\n"),
    row("5.2", V2, WAITING, "AT+CIPRECVDATA=4,2", "+CIPRECVDATA:2,he\r\nOK\r\n\r\n+IPD,4,3\r\n"),
    row(
        "5.2",
        V1_7,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPDINFO=1", "AT+CIPRECVMODE=1", OPEN81],
        "AT+CIPRECVDATA=4,9",
        "\r\n+CIPRECVDATA,5:hello\r\nOK\r\n",
    ),
    row(
        "5.2",
        V2,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPDINFO=1", "AT+CIPRECVMODE=1", OPEN81],
        "AT+CIPRECVDATA=4,9",
        "+CIPRECVDATA:5,\"10.0.0.1\",81,hello\r\nOK\r\n",
    ),
    row("5.2", V1_7, WAITING, "AT+CIPRECVDATA=4,2049", ERROR),
    row("5.2", V2, WAITING, "AT+CIPRECVDATA=4,4096", "+CIPRECVDATA:5,hello\r\nOK\r\n"),
    row("5.2", FROM_1_7, PASSIVE, "AT+CIPRECVDATA=4,9", ERROR),
    row("5.2", FROM_1_7, NET, "AT+CIPRECVDATA=4,9", ERROR),
    row("5.2", V1_7, WAITING, "AT+CIPRECVLEN?", "+CIPRECVLEN:0,0,0,0,5\r\n\r\nOK\r\n"),
    row("5.2", V2, WAITING, "AT+CIPRECVLEN?", "+CIPRECVLEN:-1,-1,-1,-1,5\r\n\r\nOK\r\n"),
    // 5.3
    row("5.3", V1_7_0, CLOSED, "AT+CIPRECVDATA=4,9", ERROR),
    row(
        "5.3",
        V1_7,
        PASSIVE,
        "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
        "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5\r\n4,CLOSED\r\n",
    ),
    row("5.3", V1_7_2_ON, CLOSED, "AT+CIPRECVDATA=4,9", "\r\n+CIPRECVDATA,5:hello\r\nOK\r\n"),
    row(
        "5.3",
        V1_7_2_ON,
        &[
            "ATE0",
            JOIN,
            "AT+CIPMUX=1",
            "AT+CIPRECVMODE=1",
            "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
            "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9",
        ],
        "AT+CIPRECVDATA=4,9",
        ERROR,
    ),
    row(
        "5.3",
        V2,
        PASSIVE,
        "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
        "4,CONNECT\r\n\r\nOK\r\n\r\n+IPD,4,5\r\n",
    ),
    row("5.3", V2, CLOSED, "AT+CIPRECVDATA=4,9", "+CIPRECVDATA:5,hello\r\nOK\r\n4,CLOSED\r\n"),
    row("5.3", V2, CLOSED, "AT+CIPCLOSE=4", "4,CLOSED\r\n\r\nOK\r\n"),
    row(
        "5.3",
        V2,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1", UDP, "AT+CIPSEND=4,1", ">?"],
        "AT+CIPRECVDATA=4,9",
        "+CIPRECVDATA:5,abcde\r\nOK\r\n",
    ),
    row(
        "5.2",
        V1_7,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1", UDP],
        "!datagram 4000 x",
        "\r\n+IPD,4,1:x",
    ),
    row(
        "5.2",
        V2,
        &["ATE0", JOIN, "AT+CIPMUX=1", "AT+CIPRECVMODE=1", UDP],
        "!datagram 4000 x",
        "\r\n+IPD,4,1\r\n",
    ),
];
