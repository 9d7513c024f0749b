using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>
/// The instruments of virtio devices in the meter "HvSdk". Devices count in fields of their own; the instruments read them when somebody looks, so that listening costs
/// the guest nothing. Each measurement has two tags: "device", the kind, and "name", the device's name in its machine; what has the same of both is one series (<see cref="VirtioSeries"/>).
/// </summary>
internal static class VirtioMetrics
{
    private static readonly Meter s_meter = new("HvSdk");
    private static readonly object s_gate = new();
    private static readonly Dictionary<(string Device, string Name), VirtioSeries> s_series = [];
    private static readonly ConditionalWeakTable<VirtioEndpoint, VirtioSeries> s_endpoints = [];

    static VirtioMetrics()
    {
        s_meter.CreateObservableCounter("hvsdk.virtio.requests", static () => Read(VirtioSeries.Requests), "{request}", "Requests that the device has given back.");
        s_meter.CreateObservableCounter("hvsdk.virtio.bytes", ReadBytes, "By", "Bytes in requests that were given back, by direction.");
        s_meter.CreateObservableCounter("hvsdk.virtio.errors", static () => Read(VirtioSeries.Errors), "{error}", "What the device could not do, or did not understand.");
        s_meter.CreateObservableCounter("hvsdk.virtio.kicks", static () => Read(VirtioSeries.Kicks), "{kick}", "How often the device's worker was woken, by the driver or by the device itself.");
        s_meter.CreateObservableCounter("hvsdk.virtio.interrupts", static () => Read(VirtioSeries.Interrupts), "{interrupt}", "Interrupts for the driver.");
        s_meter.CreateObservableCounter("hvsdk.virtio.needs_reset", static () => Read(VirtioSeries.Faults), "{fault}", "How often the device has asked to be reset.");
    }

    internal static void Add(VirtioEndpoint endpoint, string name)
    {
        Remove(endpoint);
        (string Device, string Name) key = (endpoint.Device.GetType().Name, name);
        lock (s_gate)
        {
            if (!s_series.TryGetValue(key, out VirtioSeries? series))
            {
                s_series.Add(key, series = new VirtioSeries(key.Device, key.Name));
            }

            s_endpoints.Add(endpoint, series);
            series.Add(endpoint);
        }
    }

    internal static void Remove(VirtioEndpoint endpoint)
    {
        if (s_endpoints.TryGetValue(endpoint, out VirtioSeries? series))
        {
            series.Retire(endpoint);
            s_endpoints.Remove(endpoint);
        }
    }

    private static Measurement<long>[] Read(int number) => [.. Snapshot().Select(series => new Measurement<long>(series.Read(number), series.Tags))];

    private static IEnumerable<Measurement<long>> ReadBytes()
    {
        foreach (VirtioSeries series in Snapshot())
        {
            yield return new Measurement<long>(series.Read(VirtioSeries.BytesFromDriver), series.TagsFromGuest);
            yield return new Measurement<long>(series.Read(VirtioSeries.BytesToDriver), series.TagsToGuest);
        }
    }

    private static VirtioSeries[] Snapshot()
    {
        lock (s_gate)
        {
            return [.. s_series.Values];
        }
    }
}
