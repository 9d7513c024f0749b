using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>A device whose worker is the test: <see cref="Work"/> does what has come until there is nothing more.</summary>
internal sealed class Bench : IDisposable
{
    private VirtioMmio _transport;
    private readonly VirtioBench _bench;

    public Bench(VirtioDevice device)
    {
        _transport = new VirtioMmio(device, hasWorker: false);
        _bench = new VirtioBench(_transport);
    }

    public VirtioMmioDriver Driver => _bench.Driver;

    public GuestArena Arena => _bench.Arena;

    public GuestMemory Memory => _bench.Memory;

    public DeviceBench Slot => _bench.Slot;

    public bool IsInterruptAsserted => _bench.Slot.Line(16).IsAsserted;

    public DriverBuffer Readable(params ReadOnlySpan<byte> content) => new(Arena.Allocate(content), (uint)content.Length, IsWritable: false);

    public DriverBuffer Writable(uint length) => new(Arena.Allocate(length), length, IsWritable: true);

    /// <summary>Works; a limit on the rounds is a hang found.</summary>
    public void Work()
    {
        int rounds = 0;
        while (_transport.Endpoint.RunOnce())
        {
            Assert.True(++rounds < 10_000, "The device never comes to an end of its work.");
        }
    }

    /// <summary>One look of the device.</summary>
    /// <returns>True: it wants another; only a wish of the device's own, or a notification, may come later.</returns>
    public bool RunOnce() => _transport.Endpoint.RunOnce();

    public bool Acknowledge()
    {
        bool was = IsInterruptAsserted;
        Driver.AcknowledgeInterrupt(Driver.InterruptStatus);
        return was;
    }

    public VirtioMmioState SaveState() => _transport.SaveState();

    public void LoadState(VirtioMmioState state) => _transport.LoadState(state);

    /// <summary>Ends the device and puts a fresh one in its place.</summary>
    public void Replace(VirtioDevice device)
    {
        _transport = new VirtioMmio(device, hasWorker: false);
        _bench.Replace(_transport);
    }

    public void Dispose() => _bench.Dispose();
}
