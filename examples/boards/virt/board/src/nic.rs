//! The network interface: virtio, as a device of smoltcp.

use core::ptr::{NonNull, addr_of_mut};

use usocket::smoltcp::stack::phy::{self, Device, DeviceCapabilities, Medium};
use usocket::smoltcp::stack::time::Instant;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::interrupts;
use crate::registers::{VIRTIO, virtio};

/// Entries of a queue of the device.
const QUEUE: usize = 16;

/// A frame with its header of the device; the least that the driver takes.
const BUFFER: usize = 1536;

/// Largest frame.
const FRAME: usize = 1514;

/// Room for frames that come in.
#[repr(align(8))]
struct Buffers([[u8; BUFFER]; QUEUE]);

static mut BUFFERS: Buffers = Buffers([[0; BUFFER]; QUEUE]);

/// The network interface.
#[expect(missing_debug_implementations, reason = "the driver has none")]
pub struct Nic {
    net: VirtIONetRaw<Memory, MmioTransport<'static>, QUEUE>,
    buffers: &'static mut [[u8; BUFFER]; QUEUE],
    /// The buffer behind each token of the device.
    behind: [usize; QUEUE],
    /// The frame at hand, in or out.
    frame: [u8; FRAME],
}

impl Nic {
    /// The interface that the machine has, with its interrupt enabled; `None` without one,
    /// and the second time.
    #[must_use]
    pub fn take() -> Option<Self> {
        let buffers = buffers()?;
        let (number, transport) = VIRTIO.into_iter().find_map(|number| {
            let header = NonNull::new(virtio(number) as *mut VirtIOHeader)?;
            // SAFETY: the registers of a virtio device, or of a place for one, are there for
            // good; nobody else uses them but the interrupt handler, and that one of them
            // which is for it.
            let transport = unsafe { MmioTransport::new(header, 0x200) }.ok()?;
            (transport.device_type() == DeviceType::Network).then_some((number, transport))
        })?;
        let net = VirtIONetRaw::new(transport).ok()?;
        let mut nic = Self { net, buffers, behind: [0; QUEUE], frame: [0; FRAME] };
        (0..QUEUE).for_each(|buffer| nic.offer(buffer));
        nic.net.enable_interrupts();
        interrupts::start(number);
        Some(nic)
    }

    /// Its hardware address.
    #[must_use]
    pub fn address(&self) -> [u8; 6] {
        self.net.mac_address()
    }

    /// Gives a buffer to the device, for the next frame.
    fn offer(&mut self, buffer: usize) {
        // SAFETY: the buffer lives for ever, and is not touched before `receive_complete`.
        let token = unsafe { self.net.receive_begin(&mut self.buffers[buffer]) };
        // There is a place in the queue for each buffer.
        if let Ok(token) = token {
            self.behind[usize::from(token)] = buffer;
        }
    }

    /// Copies the next frame that came; how long it is.
    fn fetch(&mut self) -> Option<usize> {
        loop {
            let token = self.net.poll_receive()?;
            let buffer = self.behind[usize::from(token)];
            // SAFETY: the buffer that was given away with this token.
            let came = unsafe { self.net.receive_complete(token, &mut self.buffers[buffer]) };
            let frame = came.ok().and_then(|(head, len)| {
                self.frame
                    .get_mut(..len)?
                    .copy_from_slice(self.buffers[buffer].get(head..head + len)?);
                Some(len)
            });
            self.offer(buffer);
            if frame.is_some() {
                return frame;
            }
        }
    }
}

impl Device for Nic {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let len = self.fetch()?;
        Some((Received(&self.frame[..len]), Sending(&mut self.net)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.net))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A frame that came.
#[derive(Debug)]
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Leave to send a frame.
#[expect(missing_debug_implementations, reason = "the driver has none")]
pub struct Sending<'a>(&'a mut VirtIONetRaw<Memory, MmioTransport<'static>, QUEUE>);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = [0; FRAME];
        let answer = f(&mut frame[..len]);
        // Waits until the device has it, which is soon. What it refuses is lost, as on a wire.
        let _ = self.0.send(&frame[..len]);
        answer
    }
}

/// The buffers, once.
fn buffers() -> Option<&'static mut [[u8; BUFFER]; QUEUE]> {
    use core::sync::atomic::{AtomicBool, Ordering};

    static TAKEN: AtomicBool = AtomicBool::new(false);
    // SAFETY: given away only once.
    (!TAKEN.swap(true, Ordering::Relaxed)).then(|| unsafe { &mut (*addr_of_mut!(BUFFERS)).0 })
}

/// Memory that program and device share: all of it, at the same addresses.
#[derive(Debug)]
struct Memory;

/// What the queues take.
const PAGES: usize = 8;

#[repr(align(4096))]
struct Pages([[u8; PAGE_SIZE]; PAGES]);

static mut SHARED: Pages = Pages([[0; PAGE_SIZE]; PAGES]);

/// Pages of it that were given away.
static USED: critical_section::Mutex<core::cell::Cell<usize>> =
    critical_section::Mutex::new(core::cell::Cell::new(0));

// SAFETY: pages are given away once, zeroed and aligned; addresses are the same for the
// device, and there are no caches that it does not see.
unsafe impl Hal for Memory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = critical_section::with(|cs| {
            let used = USED.borrow(cs);
            used.replace(used.get() + pages)
        });
        // It asks for the pages of its two queues, and asks once.
        assert!(first + pages <= PAGES, "no memory for the queues of a device");
        // SAFETY: within the pages, and nobody else's.
        let page = unsafe { addr_of_mut!(SHARED.0[0]).add(first) }.cast::<u8>();
        (page as PhysAddr, NonNull::new(page).expect("no page is at address 0"))
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        // They are not used again.
        0
    }

    unsafe fn mmio_phys_to_virt(paddr: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(paddr as *mut u8).expect("no device is at address 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
