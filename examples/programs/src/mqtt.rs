//! An MQTT client: `rust-mqtt`.

use core::net::SocketAddr;
use core::num::NonZero;

use embedded_io_async::ErrorKind;
use embedded_nal_async::TcpConnect;
use rust_mqtt::Bytes;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::client::{Client, MqttError};
use rust_mqtt::config::KeepAlive;
use rust_mqtt::types::{MqttString, ReasonCode, TopicFilter, TopicName};

/// After how many seconds of silence the broker gives us up.
const KEEP_ALIVE: NonZero<u16> = NonZero::new(60).unwrap();

/// Why it ended early.
#[derive(Debug)]
pub enum Failure<E> {
    /// No connection.
    Connect(E),
    /// The connection to the broker.
    Network(ErrorKind),
    /// The broker does not want this.
    Refused(ReasonCode),
    /// What the broker sends is not understood, or more than there is room for.
    Broker,
    /// A topic that is none.
    Topic,
}

/// Connects as `name`, which no other client has, subscribes to `topic`, publishes each message to it at least once, and hands what comes
/// back to `heard`; how many that were.
///
/// # Errors
/// [`Failure`].
pub async fn echo<T: TcpConnect>(
    tcp: &T,
    broker: SocketAddr,
    (name, topic): (&str, &str),
    messages: &[&str],
    mut heard: impl FnMut(&[u8]),
) -> Result<usize, Failure<T::Error>> {
    let socket = tcp.connect(broker).await.map_err(Failure::Connect)?;
    let mut memory = [0; 4096];
    let mut buffer = BumpBuffer::new(&mut memory);
    let mut client = Client::<'_, '_, _, _, 1, 4, 4, 1, 0, 0, 0>::new(&mut buffer);
    let name = MqttString::from_str(name).map_err(|_| Failure::Topic)?;
    let topic = MqttString::from_str(topic).map_err(|_| Failure::Topic)?;
    let filter = TopicFilter::new(topic.as_borrowed()).ok_or(Failure::Topic)?;
    let topic = TopicName::new(topic.as_borrowed()).ok_or(Failure::Topic)?;

    let keep_alive = KeepAlive::Seconds(KEEP_ALIVE);
    let options = ConnectOptions::new().clean_start().keep_alive(keep_alive);
    client.connect(socket, &options, Some(name)).await.map_err(why)?;
    let options = SubscriptionOptions::new().at_least_once();
    client.subscribe(filter, &options).await.map_err(why)?;
    match client.poll().await.map_err(why)? {
        Event::Suback(_) => {}
        _ => return Err(Failure::Broker),
    }
    let mut came = 0;
    for message in messages {
        let options = PublicationOptions::new(TopicReference::Name(topic.as_borrowed()));
        let message = Bytes::from(message.as_bytes());
        let sent = client.publish(&options.at_least_once(), message).await;
        sent.map_err(why)?;
        // Confirmed, and back: in either order.
        let (mut confirmed, mut back) = (false, false);
        while !(confirmed && back) {
            match client.poll().await.map_err(why)? {
                Event::PublishAcknowledged(_) => confirmed = true,
                Event::Publish(message) => {
                    heard(&message.message);
                    came += 1;
                    back = true;
                }
                _ => {}
            }
        }
    }
    client.disconnect(&DisconnectOptions::new()).await.map_err(why)?;
    Ok(came)
}

fn why<const P: usize, E>(error: MqttError<'_, P>) -> Failure<E> {
    match error {
        MqttError::Network(kind) => Failure::Network(kind),
        MqttError::Disconnect { reason, .. } => Failure::Refused(reason),
        _ => Failure::Broker,
    }
}
