//! An MQTT client: `rust-mqtt`.

use core::net::SocketAddr;

use embedded_nal_async::TcpConnect;
use rust_mqtt::Bytes;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::Client;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::types::{MqttString, TopicFilter, TopicName};

/// Why it ended early.
#[derive(Debug)]
pub enum Failure<E> {
    /// No connection.
    Connect(E),
    /// The broker, or the connection to it: the kind of the socket's error is in it.
    Mqtt(&'static str),
    /// A topic that is none.
    Topic,
}

/// Subscribes to `topic`, publishes each message to it at least once, and hands what comes
/// back to `heard`; how many that were.
///
/// # Errors
/// [`Failure`].
pub async fn echo<T: TcpConnect>(
    tcp: &T,
    broker: SocketAddr,
    topic: &str,
    messages: &[&str],
    mut heard: impl FnMut(&[u8]),
) -> Result<usize, Failure<T::Error>> {
    let socket = tcp.connect(broker).await.map_err(Failure::Connect)?;
    let mut memory = [0; 4096];
    let mut buffer = BumpBuffer::new(&mut memory);
    let mut client = Client::<'_, '_, _, _, 1, 4, 4, 1, 0, 0, 0>::new(&mut buffer);
    let name = MqttString::from_str("usocket").map_err(|_| Failure::Topic)?;
    let topic = MqttString::from_str(topic).map_err(|_| Failure::Topic)?;
    let filter = TopicFilter::new(topic.as_borrowed()).ok_or(Failure::Topic)?;
    let topic = TopicName::new(topic.as_borrowed()).ok_or(Failure::Topic)?;

    let connected = client.connect(socket, &ConnectOptions::new().clean_start(), Some(name)).await;
    connected.map_err(|_| Failure::Mqtt("connect"))?;
    let options = SubscriptionOptions::new().at_least_once();
    client.subscribe(filter, &options).await.map_err(|_| Failure::Mqtt("subscribe"))?;
    match client.poll().await {
        Ok(Event::Suback(_)) => {}
        _ => return Err(Failure::Mqtt("no answer to the subscription")),
    }
    let mut came = 0;
    for message in messages {
        let options = PublicationOptions::new(TopicReference::Name(topic.as_borrowed()));
        let message = Bytes::from(message.as_bytes());
        let sent = client.publish(&options.at_least_once(), message).await;
        sent.map_err(|_| Failure::Mqtt("publish"))?;
        // Confirmed, and back: in either order.
        let (mut confirmed, mut back) = (false, false);
        while !(confirmed && back) {
            match client.poll().await {
                Ok(Event::PublishAcknowledged(_)) => confirmed = true,
                Ok(Event::Publish(message)) => {
                    heard(&message.message);
                    came += 1;
                    back = true;
                }
                Ok(_) => {}
                Err(_) => return Err(Failure::Mqtt("the connection")),
            }
        }
    }
    client.disconnect(&DisconnectOptions::new()).await.map_err(|_| Failure::Mqtt("disconnect"))?;
    Ok(came)
}
