using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>
/// The instruments of virtio devices in the meter "HvSdk". Devices count in fields of their own; the instruments read them when somebody looks, so that listening costs
/// the guest nothing. Each measurement has two tags: "device", the kind, and "name", the device's name in its machine. They end with the machine.
/// </summary>
internal static class VirtioMetrics
{
    private static readonly Meter s_meter = new("HvSdk");
    private static readonly ConditionalWeakTable<VirtioEndpoint, KeyValuePair<string, object?>[]> s_endpoints = [];

    static VirtioMetrics()
    {
        s_meter.CreateObservableCounter("hvsdk.virtio.requests", static () => Read(static x => x.Requests), "{request}", "Requests that the device has given back.");
        s_meter.CreateObservableCounter("hvsdk.virtio.bytes", ReadBytes, "By", "Bytes in requests that were given back, by direction.");
        s_meter.CreateObservableCounter("hvsdk.virtio.errors", static () => Read(static x => x.Device.Errors), "{error}", "What the device could not do, or did not understand.");
        s_meter.CreateObservableCounter("hvsdk.virtio.kicks", static () => Read(static x => x.Kicks), "{kick}", "How often the device's worker was woken, by the driver or by the device itself.");
        s_meter.CreateObservableCounter("hvsdk.virtio.interrupts", static () => Read(static x => x.Interrupts), "{interrupt}", "Interrupts for the driver.");
        s_meter.CreateObservableCounter("hvsdk.virtio.needs_reset", static () => Read(static x => x.Faults), "{fault}", "How often the device has asked to be reset.");
    }

    internal static void Add(VirtioEndpoint endpoint, string name) =>
        s_endpoints.AddOrUpdate(endpoint, [new("device", endpoint.Device.GetType().Name), new("name", name)]);

    internal static void Remove(VirtioEndpoint endpoint) => s_endpoints.Remove(endpoint);

    private static IEnumerable<Measurement<long>> Read(Func<VirtioEndpoint, long> value)
    {
        foreach ((VirtioEndpoint endpoint, KeyValuePair<string, object?>[] tags) in s_endpoints)
        {
            yield return new Measurement<long>(value(endpoint), tags);
        }
    }

    private static IEnumerable<Measurement<long>> ReadBytes()
    {
        foreach ((VirtioEndpoint endpoint, KeyValuePair<string, object?>[] tags) in s_endpoints)
        {
            yield return new Measurement<long>(endpoint.BytesFromDriver, [.. tags, new("direction", "from_guest")]);
            yield return new Measurement<long>(endpoint.BytesToDriver, [.. tags, new("direction", "to_guest")]);
        }
    }
}
