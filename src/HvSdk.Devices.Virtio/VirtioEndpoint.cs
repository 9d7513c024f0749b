using System.Numerics;

namespace HvSdk.Devices.Virtio;

/// <summary>What is the same on every transport: status, feature negotiation, queues, resets, and the device's worker (virtio 1.2, 2 and 3).</summary>
/// <remarks>
/// The gate is held by the worker while the device works, and by whoever changes what it works on. A vCPU's thread that resets the device waits for the
/// call that is under way; the queues give no more chains meanwhile, so it ends soon.
/// </remarks>
internal sealed partial class VirtioEndpoint
{
    private const ulong DeviceFeatureBits = 0xFFFC_0000_00FF_FFFF; // 0 to 23 and 50 to 63 (virtio 1.2, 2.2)
    private const int MaxQueueSize = 1 << 15;
    private const int MaxConfigurationLength = 0xF00;

    private readonly object _gate = new();
    private readonly IVirtioSignals _signals;
    private readonly QueueSetup[] _queues;
    private readonly ulong _offered;
    private GuestMemoryView? _view;
    private ulong _driverFeatures;
    private VirtioStatus _status;
    private int _configurationGeneration;

    internal VirtioEndpoint(VirtioDevice device, IVirtioSignals signals)
    {
        Device = device;
        _signals = signals;
        IReadOnlyList<int> sizes = device.QueueSizes;
        if (sizes.Count is 0 or > ushort.MaxValue || sizes.Any(static size => size is < 1 or > MaxQueueSize || !BitOperations.IsPow2(size)))
        {
            throw new ArgumentException(
                $"{device.GetType().Name}.{nameof(VirtioDevice.QueueSizes)} is [{string.Join(", ", sizes)}]. Give one power of two from 1 to {MaxQueueSize} for each queue.", nameof(device));
        }

        ulong features = device.DeviceFeatures;
        if ((features & ~DeviceFeatureBits) != 0)
        {
            throw new ArgumentException(
                $"{device.GetType().Name}.{nameof(VirtioDevice.DeviceFeatures)} is 0x{features:X}; bits 24 to 49 belong to queues and transports (virtio 1.2, 2.2). Leave them out.", nameof(device));
        }

        if (device.ConfigurationLength is < 0 or > MaxConfigurationLength)
        {
            throw new ArgumentException(
                $"{device.GetType().Name}.{nameof(VirtioDevice.ConfigurationLength)} is {device.ConfigurationLength}. A configuration space has 0 to {MaxConfigurationLength} bytes.", nameof(device));
        }

        if ((device.QueueFeatures & ~VirtioFeatures.All) != 0)
        {
            throw new ArgumentException(
                $"{device.GetType().Name}.{nameof(VirtioDevice.QueueFeatures)} is 0x{(ulong)device.QueueFeatures:X}, which has bits that are no members of {nameof(VirtioFeatures)}. Leave them out.", nameof(device));
        }

        _queues = [.. sizes.Select(static size => new QueueSetup(size))];
        _offered = features | (ulong)(device.QueueFeatures | VirtioFeatures.Version1);
        device.Join(this);
    }

    internal VirtioDevice Device { get; }

    internal int QueueCount => _queues.Length;

    internal ulong OfferedFeatures => _offered;

    internal string? Fault { get; private set; }

    internal GuestMemory? Memory => _view?.Memory;

    internal TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    internal VirtioStatus Status => _status;

    internal bool IsActive => (_status & VirtioStatus.DriverOk) != 0 && _view is not null;

    internal ulong NegotiatedFeatures => (_status & VirtioStatus.FeaturesOk) != 0 ? _driverFeatures : 0;

    internal uint ConfigurationGeneration => (uint)Volatile.Read(ref _configurationGeneration);

    /// <summary>One half of the features that the driver takes.</summary>
    internal void WriteDriverFeatures(uint select, uint value)
    {
        lock (_gate)
        {
            if (select < 2 && (_status & VirtioStatus.FeaturesOk) == 0)
            {
                int shift = (int)select * 32;
                _driverFeatures = (_driverFeatures & ~((ulong)uint.MaxValue << shift)) | ((ulong)value << shift);
            }
        }
    }

    internal uint ReadDeviceFeatures(uint select) => select < 2 ? (uint)(_offered >> ((int)select * 32)) : 0;

    internal uint ReadDriverFeatures(uint select) => select < 2 ? (uint)(_driverFeatures >> ((int)select * 32)) : 0;

    /// <summary>The driver writes the status: steps of its way up, or 0 for a reset (virtio 1.2, 3.1.1).</summary>
    internal void WriteStatus(byte value)
    {
        if (value == 0)
        {
            Reset();
            return;
        }

        lock (_gate)
        {
            var added = (VirtioStatus)value & ~_status & ~VirtioStatus.NeedsReset;
            if (added.HasFlag(VirtioStatus.FeaturesOk) && !AreAcceptable(_driverFeatures))
            {
                added &= ~VirtioStatus.FeaturesOk; // the driver reads it back, and sees
            }

            bool starts = added.HasFlag(VirtioStatus.DriverOk) && (_status | added).HasFlag(VirtioStatus.FeaturesOk);
            _status |= starts ? added : added & ~VirtioStatus.DriverOk;
            if (starts && _view is not null)
            {
                Activate();
            }
        }
    }

    internal void Reset()
    {
        HoldQueues();
        lock (_gate)
        {
            bool wasActive = IsActive;
            foreach (QueueSetup setup in _queues)
            {
                setup.Queue?.Close();
                setup.Reset();
            }

            _status = VirtioStatus.None;
            _driverFeatures = 0;
            Fault = null;
            _signals.ClearSignals();
            if (wasActive)
            {
                Guard(static device => device.OnReset());
            }
        }
    }

    internal void NotifyConfigurationChanged()
    {
        Interlocked.Increment(ref _configurationGeneration);
        if (IsActive)
        {
            SignalConfiguration();
        }
    }

    internal void ReadConfiguration(ulong offset, Span<byte> data)
    {
        data.Clear();
        int length = Device.ConfigurationLength;
        if (offset < (ulong)length)
        {
            int part = int.Min(data.Length, length - (int)offset);
            Device.ReadConfiguration((int)offset, data[..part]);
        }
    }

    internal void WriteConfiguration(ulong offset, ReadOnlySpan<byte> data)
    {
        ulong length = (ulong)Device.ConfigurationLength;
        if (offset < length && (ulong)data.Length <= length - offset)
        {
            Device.WriteConfiguration((int)offset, data);
        }
    }

    private bool AreAcceptable(ulong features) =>
        (features & ~_offered) == 0 && ((VirtioFeatures)features).HasFlag(VirtioFeatures.Version1) && Device.Accepts(features);

    private void Activate()
    {
        foreach (QueueSetup setup in _queues.Where(static setup => setup.IsReady))
        {
            Open(setup);
        }

        Guard(static device => device.OnActivated());
        StartWorker();
        Wake();
    }

    /// <summary>The device cannot go on (virtio 1.2, 2.1.2).</summary>
    private void Break(string fault)
    {
        Fault ??= fault;
        if ((_status & VirtioStatus.NeedsReset) == 0)
        {
            _status |= VirtioStatus.NeedsReset;
            _faults++;
            SignalConfiguration();
        }
    }

    /// <summary>A device's defect is the device's end, not the machine's.</summary>
    private void Guard(Action<VirtioDevice> action)
    {
        try
        {
            action(Device);
        }
#pragma warning disable CA1031 // whatever it is, it must not end a vCPU's thread
        catch (Exception e)
#pragma warning restore CA1031
        {
            Break($"{Device.GetType().Name} failed: {e.Message}");
        }
    }
}
