//! Power-up and reboots (sheet sections 1.1, 1.2).

use super::phase::Phase;
use super::settings::Settings;
use super::station::Station;
use super::timers::Timer;
use super::{Event, Modem};
use crate::net::Network;
use crate::time::Instant;

impl<N: Network> Modem<N> {
    /// A pulse on the enable pin: what was to be said is lost, and the modem boots.
    pub fn reset(&mut self, now: Instant) {
        self.advance(now);
        self.tx.clear();
        self.reboot("enable pin");
    }

    /// Drives the enable pin. Low, the modem is off: it says nothing, and what it hears is
    /// lost. High, it boots.
    pub fn set_enabled(&mut self, now: Instant, on: bool) {
        self.advance(now);
        if self.powered == on {
            return;
        }
        self.powered = on;
        self.tx.clear();
        if on {
            self.boot();
        } else {
            self.forget("enable pin");
            self.phase = Phase::Booting;
        }
    }

    /// Forgets everything but flash and boots.
    pub(super) fn reboot(&mut self, why: &'static str) {
        if self.powered {
            self.forget(why);
            self.boot();
        }
    }

    fn forget(&mut self, why: &'static str) {
        self.event(Event::Reboot(why));
        for link in self.links.iter_mut().filter_map(Option::take) {
            self.net.abort(self.now, link.conn);
        }
        self.leftover.iter_mut().for_each(std::collections::VecDeque::clear);
        self.net.listen(self.now, None, 0);
        self.net.set_addresses(self.now, &[]);
        self.timers.retain(|timer| *timer == Timer::Fault);
        self.station = Station::default();
        self.ipv6 = [None; 2];
        self.ring.clear();
        self.ap_clients.clear();
        self.pending_baud = None;
        self.had_link = false;
        self.input = super::input::Input::default();
        self.set = Settings::booted(self.profile, &self.knobs, &self.flash);
    }

    pub(super) fn boot(&mut self) {
        self.phase = Phase::Booting;
        let noise: Vec<u8> = (0..self.knobs.boot_noise).map(|_| self.rng.byte()).collect();
        self.say_raw(&noise);
        let text = self.knobs.boot_text.clone();
        self.say_raw(&text);
        self.tx.mark_noise();
        self.timers.add(self.now + self.knobs.boot_time, Timer::Ready);
    }

    pub(super) fn ready(&mut self) {
        for _ in 0..self.knobs.ready_times {
            self.say("\r\nready\r\n");
        }
        self.phase = Phase::Idle;
        self.refresh_address();
        if self.set.stored.auto_connect && self.set.stored.mode & 1 != 0 {
            self.rejoin();
        }
    }
}
