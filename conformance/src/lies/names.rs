//! Lies about section C: `getaddrinfo`.

use core::cell::Cell;

use usocket_core::spi::{Answer, Backend, Handle};
use usocket_core::{
    AF_INET, AF_INET6, AI_CANONNAME, AI_NUMERICHOST, AddrInfoList, Error, Hints, Result,
    SOCK_STREAM, Socket, Usocket,
};

use super::lies;
use crate::cases::names;
use crate::{Api, Asked, Lie};

lies! {
    api AnswersTheNextPort breaks [16], caught by names::the_list_has_five_tuples;
    backend AnswerListIsEmpty breaks [16], caught by names::the_list_has_five_tuples;
    api LiteralsAskTheResolver breaks [17], caught by names::literals_ask_nobody;
    api ListsStreamsOnly breaks [18], caught by names::streams_come_first;
    api TypeFilterIgnored breaks [19], caught by names::type_filters;
    api ProtoFilterIgnored breaks [20], caught by names::proto_filters;
    api ProtoFilterIgnored breaks [21], caught by names::contradicting_filters_are_refused;
    api FamilyFilterIgnored breaks [22], caught by names::family_filters;
    api UnknownFiltersIgnored breaks [23], caught by names::unknown_filters_are_refused;
    api ScopeOfLiteralLost breaks [24], caught by names::ipv6_literals;
    api Ipv6TextInUpperCase breaks [24], caught by names::ipv6_literals;
    api CanonicalNameUnasked breaks [25], caught by names::canonical_name_only_on_demand;
    api NumericHostIgnored breaks [26], caught by names::numeric_host_never_asks;
    backend ResolverErrorsArePositive breaks [27], caught by names::bad_names_have_negative_numbers;
    api BadNamesResolve breaks [27], caught by names::bad_names_have_negative_numbers;
    api EmptyHostIsWildcard breaks [28], caught by names::empty_host_is_no_name;
    api PortsWrap breaks [29], caught by names::ports_from_0_to_65535;
    api AddressesNeverEqual breaks [30], caught by names::sockaddr_is_opaque_and_comparable;
    api SettimeoutBoundsQueries breaks [31], caught by names::timeouts_of_sockets_do_not_apply;
    backend QueriesLeak breaks [], caught by names::a_dropped_query_frees_its_place;
}

/// A lie that changes what is asked, then asks honestly.
macro_rules! asks {
    ($($(#[$doc:meta])* $lie:ident = |$asked:ident| $body:block)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn getaddrinfo(&self, net: &B, mut $asked: Asked<'_>) -> Result<AddrInfoList> {
                $body
                net.getaddrinfo($asked.host, $asked.port, $asked.hints)
            }
        }
    )*};
}
asks! {
    AnswersTheNextPort = |asked| { asked.port += 1; }
    ListsStreamsOnly = |asked| {
        if (asked.hints.socktype, asked.hints.proto) == (0, 0) {
            asked.hints.socktype = SOCK_STREAM;
        }
    }
    TypeFilterIgnored = |asked| { asked.hints.socktype = 0; }
    ProtoFilterIgnored = |asked| { asked.hints.proto = 0; }
    FamilyFilterIgnored = |asked| { asked.hints.af = 0; }
    UnknownFiltersIgnored = |asked| {
        let Hints { af, socktype, flags, .. } = asked.hints;
        if ![AF_INET, AF_INET6].contains(&af) {
            asked.hints.af = 0;
        }
        if !(0..3).contains(&socktype) {
            asked.hints.socktype = 0;
        }
        asked.hints.flags = flags & 7;
    }
    ScopeOfLiteralLost = |asked| {
        asked.host = asked.host.split('%').next().unwrap_or("");
    }
    CanonicalNameUnasked = |asked| { asked.hints.flags |= AI_CANONNAME; }
    NumericHostIgnored = |asked| { asked.hints.flags &= !AI_NUMERICHOST; }
    /// As the DNS of a captive portal.
    BadNamesResolve = |asked| {
        if asked.host.contains(['!', '"', '\n', ' ', '\0']) || asked.host.starts_with("256") {
            asked.host = "10.0.0.1";
        }
    }
    /// As on the ESP32.
    EmptyHostIsWildcard = |asked| {
        if asked.host.is_empty() {
            asked.host = "0.0.0.0";
        }
    }
    PortsWrap = |asked| { asked.port &= 0xffff; }
}

#[derive(Default)]
struct AnswerListIsEmpty;

impl<B: Backend> Lie<B> for AnswerListIsEmpty {
    fn try_answer(&self, net: &B, query: Handle, answer: &mut Answer) -> Result<()> {
        net.try_answer(query, answer)?;
        answer.addresses.clear();
        Ok(())
    }
}

/// The modem is asked also for "1.2.3.4": that takes time, which is not there.
#[derive(Default)]
struct LiteralsAskTheResolver;

impl<B: Backend> Api<B> for LiteralsAskTheResolver {
    fn getaddrinfo(&self, net: &B, asked: Asked<'_>) -> Result<AddrInfoList> {
        let query = net.start_query("localhost", None, false)?;
        let answered = net.try_answer(query, &mut Answer::default());
        net.end_query(query);
        match answered {
            Err(Error::EAGAIN) if asked.hints.timeout.is_zero() => Err(Error::EAI_AGAIN),
            _ => net.getaddrinfo(asked.host, asked.port, asked.hints),
        }
    }
}

/// lwIP's text form.
#[derive(Default)]
struct Ipv6TextInUpperCase;

impl<B: Backend> Api<B> for Ipv6TextInUpperCase {
    fn inet_ntop(
        &self,
        af: i32,
        bytes: &[u8],
    ) -> Result<heapless::String<{ usocket_core::INET_ADDRSTRLEN }>> {
        let mut text = usocket_core::inet_ntop(af, bytes)?;
        text.make_ascii_uppercase();
        Ok(text)
    }
}

/// MaixPy: +22.
#[derive(Default)]
struct ResolverErrorsArePositive;

impl<B: Backend> Lie<B> for ResolverErrorsArePositive {
    fn try_answer(&self, net: &B, query: Handle, answer: &mut Answer) -> Result<()> {
        net.try_answer(query, answer).map_err(|error| match error {
            Error::EAGAIN => error,
            _ => Error::EINVAL,
        })
    }
}

/// A value that is equal to itself only.
#[derive(Default)]
struct AddressesNeverEqual(Cell<i32>);

impl<B: Backend> Api<B> for AddressesNeverEqual {
    fn getaddrinfo(&self, net: &B, asked: Asked<'_>) -> Result<AddrInfoList> {
        let count = self.0.replace(self.0.get() + 1);
        net.getaddrinfo(asked.host, asked.port + count % 2, asked.hints)
    }
}

/// `settimeout` bounds name queries too.
#[derive(Default)]
struct SettimeoutBoundsQueries(Cell<Option<f64>>);

impl<B: Backend> Api<B> for SettimeoutBoundsQueries {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        self.0.set(Some(seconds));
        socket.settimeout(seconds)
    }

    fn getaddrinfo(&self, net: &B, mut asked: Asked<'_>) -> Result<AddrInfoList> {
        if let Some(seconds) = self.0.get() {
            asked.hints.timeout = core::time::Duration::from_secs_f64(seconds);
        }
        net.getaddrinfo(asked.host, asked.port, asked.hints)
    }
}

#[derive(Default)]
struct QueriesLeak;

impl<B: Backend> Lie<B> for QueriesLeak {
    fn end_query(&self, _net: &B, _query: Handle) {}
}
