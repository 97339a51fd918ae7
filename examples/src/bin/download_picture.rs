//! Routine 1 of the reference text: download a picture, show it, save it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::http::Url;
use usocket_example_apps::{Kind, Limits, Picture, download, scene, serve_picture};
use usocket_examples::{
    Bar, Colour, Frame, Network, PartFile, Program, Site, Trouble, hex, out, program, seconds,
};

const HELP: &str = "
Downloads a BMP picture over HTTP, shows it in the terminal and saves it.

usage: download_picture [options] [http://<host>[:port]/path]

Without a URL it serves itself: a small server on 127.0.0.1, written with the same
library, hands out a picture of 230454 bytes.

  --out FILE        where to save it (default: out/ and the name in the URL)
{network}
  --timeout SECONDS for connecting, and for each wait for more bytes (default: 5)
  --limit BYTES     the longest file that is taken (default: 16777216)
  --color WHEN      auto, always or never (default: auto; NO_COLOR is respected)
  --width COLUMNS   width of the picture (default: what fits the terminal)
  --help            this text

It ends with 0 if the picture came in whole, 1 if not, 2 if the command line is wrong.
";

fn main() -> ExitCode {
    program("download_picture", HELP, |parser| {
        let options = Options::parse(parser)?;
        options.network.clone().run(Download(options))
    })
}

struct Options {
    url: Option<String>,
    out: Option<PathBuf>,
    network: Network,
    limits: Limits,
    colour: Colour,
    width: Option<u32>,
}

impl Options {
    fn parse(mut parser: lexopt::Parser) -> Result<Self, Trouble> {
        let mut options = Self {
            url: None,
            out: None,
            network: Network::std(),
            limits: Limits::default(),
            colour: Colour::Auto,
            width: None,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("out") => options.out = Some(parser.value()?.into()),
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    options.network.set(&name, &mut parser)?;
                }
                Long("timeout") => options.limits.timeout = seconds(&mut parser)?,
                Long("limit") => options.limits.size = parser.value()?.parse()?,
                Long("color" | "colour") => options.colour = parser.value()?.parse_with(colour)?,
                Long("width") => options.width = Some(parser.value()?.parse()?),
                Long("help") | Short('h') => return Err(Trouble::Help),
                Value(url) if options.url.is_none() => options.url = Some(url.string()?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        Ok(options)
    }
}

fn colour(text: &str) -> Result<Colour, &'static str> {
    match text {
        "auto" => Ok(Colour::Auto),
        "always" => Ok(Colour::Always),
        "never" => Ok(Colour::Never),
        _ => Err("one of: auto, always, never"),
    }
}

struct Download(Options);

impl Program for Download {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let Self(options) = self;
        let (url, server) = match options.url {
            Some(url) => (url, None),
            None => serve_ourselves(options.network.beside()?)?,
        };
        let path = options.out.unwrap_or_else(|| {
            let name = Url::parse(&url).ok().and_then(|url| url.file_name());
            PathBuf::from("out").join(name.unwrap_or("picture.bmp"))
        });
        out(format_args!("fetching {url}"));

        let cannot = |error| Trouble::of(&format!("cannot write {}", path.display()), error);
        let mut file = PartFile::create(&path).map_err(cannot)?;
        // 4096 bytes, as in the reference's routine.
        let fetched = download(
            net,
            &site.url(&url),
            options.limits,
            &mut [0; 4096],
            &mut file,
            &mut Bar::new(),
        )
        .map_err(|failure| Trouble::of(&url, failure))?;

        // A board has room for one row of its panel; here any picture may come.
        let mut row = vec![0; 256 << 10];
        let bad = |error| Trouble::Failed(format!("{url}: {error} ({} bytes came)", fetched.len));
        let mut picture = Picture::open(&mut file, &mut row).map_err(bad)?;
        let size = picture.size();
        if u64::from(size.width) * u64::from(size.height) > options.limits.size * 8 {
            let (width, height) = (size.width, size.height);
            return Err(Trouble::of(&url, format_args!("no screen for {width}x{height} pixels")));
        }
        let mut frame = Frame::new(size);
        picture.draw(&mut file, &mut frame).map_err(bad)?;
        file.keep().map_err(cannot)?;

        out(format_args!(
            "{}",
            frame.to_text(options.width, options.colour).trim_end_matches('\n')
        ));
        let sha256 = hex(&fetched.sha256);
        let path = path.display();
        out(format_args!("saved {path}: {}x{}, {} bytes", size.width, size.height, fetched.len));
        out(format_args!("SHA-256 {sha256}"));
        match server {
            Some(server) => server.compare(&fetched.sha256),
            None => Ok(()),
        }
    }
}

/// The server of a program that serves itself.
struct Served(thread::JoinHandle<Result<(), Trouble>>);

impl Served {
    fn compare(self, sha256: &[u8; 32]) -> Result<(), Trouble> {
        match self.0.join() {
            Ok(served) => served?,
            Err(_) => return Err(Trouble::Failed("the server panicked".to_owned())),
        }
        if *sha256 == scene::sha256() {
            out(format_args!("equal to the picture that was served"));
            return Ok(());
        }
        Err(Trouble::Failed(format!(
            "different from the picture that was served, {}",
            hex(&scene::sha256())
        )))
    }
}

/// Starts a server for one client, on its own thread and its own backend.
fn serve_ourselves(network: Network) -> Result<(String, Option<Served>), Trouble> {
    let (sender, receiver) = mpsc::channel();
    let server = thread::spawn(move || network.run(Server(sender)));
    match receiver.recv() {
        Ok(address) => Ok((format!("http://{address}/lake.bmp"), Some(Served(server)))),
        Err(_) => match server.join() {
            Ok(Err(trouble)) => Err(trouble),
            _ => Err(Trouble::Failed("the server did not start".to_owned())),
        },
    }
}

/// Hands out the picture once; tells where it listens.
struct Server(mpsc::Sender<SockAddr>);

impl Program for Server {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let spot = site.server((Ipv4Addr::LOCALHOST, 0), Kind::Tcp)?;
        let serve = || {
            let listener = net.tcp()?;
            listener.bind(spot.bind)?;
            listener.listen(1)?;
            // Gone if the client failed before it connected: then nobody waits for us.
            let _ = self.0.send(spot.seen(listener.local_addr()?));
            let mut work = [0; 4096];
            serve_picture(&listener, &mut scene::Scene, scene::LEN.into(), 1, &mut work, &mut ())
        };
        serve().map_err(|error| Trouble::of("server", error))
    }
}
