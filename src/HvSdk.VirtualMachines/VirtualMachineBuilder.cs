using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>Describes a machine and builds it. Nothing is checked, opened or made before <see cref="Build"/>.</summary>
/// <example>
/// <code>
/// var console = new SerialPort16550A();
/// await using VirtualMachine machine = VirtualMachine.CreateBuilder(hypervisor)
///     .WithMemory(512 &lt;&lt; 20)
///     .WithProcessors(2)
///     .BootLinux("vmlinuz", initialRamDisk: "initrd.img", commandLine: "console=ttyS0 quiet")
///     .AddDevice(console)
///     .Build();
/// </code>
/// </example>
public sealed partial class VirtualMachineBuilder
{
    private readonly Hypervisor _hypervisor;
    private readonly MemoryOptions _memory = new();
    private readonly ProcessorOptions _processors = new();
    private readonly BoardOptions _board = new();
    private readonly List<(string Name, IPlatformDevice Device)> _devices = [];
    private readonly List<(string Name, IPciDevice Device)> _pciDevices = [];
    private readonly List<Action<FirmwareConfiguration>> _firmware = [];
    private Func<BootImage>? _boot;
    private string _name = "machine";
    private TimeProvider _timeProvider = TimeProvider.System;
    private bool _countAccesses;
    private bool _isBuilt;

    internal VirtualMachineBuilder(Hypervisor hypervisor)
    {
        _hypervisor = hypervisor;
    }

    /// <summary>Names the machine, for logs, metrics and errors.</summary>
    /// <param name="name">The name.</param>
    public VirtualMachineBuilder WithName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        _name = name;
        return this;
    }

    /// <summary>Sets the size of its RAM.</summary>
    /// <param name="bytes">Bytes, a multiple of 4 KiB, 1 MiB at least.</param>
    public VirtualMachineBuilder WithMemory(ulong bytes) => ConfigureMemory(memory => memory.Size = bytes);

    /// <summary>Changes its memory.</summary>
    /// <param name="configure">Gets the options.</param>
    public VirtualMachineBuilder ConfigureMemory(Action<MemoryOptions> configure) => Configure(configure, _memory);

    /// <summary>Sets the number of its processors.</summary>
    /// <param name="count">1 to what the host gives.</param>
    public VirtualMachineBuilder WithProcessors(int count) => ConfigureProcessors(processors => processors.Count = count);

    /// <summary>Changes its processors.</summary>
    /// <param name="configure">Gets the options.</param>
    public VirtualMachineBuilder ConfigureProcessors(Action<ProcessorOptions> configure) => Configure(configure, _processors);

    /// <summary>Changes its board: the chips and what else a PC has of its own.</summary>
    /// <param name="configure">Gets the options.</param>
    public VirtualMachineBuilder ConfigureBoard(Action<BoardOptions> configure) => Configure(configure, _board);

    /// <summary>
    /// Adds items to the firmware configuration, fw_cfg: files that its firmware looks for ("bootorder", "etc/..."), or of your own ("opt/org.example/...").
    /// A machine that boots a firmware has the device anyhow, with its memory, processors and tables in it; any other gets it by this call.
    /// </summary>
    /// <param name="configure">Gets the device; called by <see cref="Build"/>.</param>
    public VirtualMachineBuilder ConfigureFirmware(Action<FirmwareConfiguration> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        _firmware.Add(configure);
        return this;
    }

    /// <summary>Sets the time that its devices go by. Default: the system's.</summary>
    /// <param name="timeProvider">The time.</param>
    public VirtualMachineBuilder WithTimeProvider(TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        _timeProvider = timeProvider;
        return this;
    }

    /// <summary>Sets what it boots.</summary>
    /// <param name="open">Opens the image; called by <see cref="Build"/>. The machine disposes of it.</param>
    public VirtualMachineBuilder Boot(Func<BootImage> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        _boot = open;
        return this;
    }

    /// <summary>Adds a device, ours or yours.</summary>
    /// <param name="device">The device; the machine disposes of it. It belongs to one machine.</param>
    /// <param name="name">A name for it, for people and errors; its type's where none is given.</param>
    public VirtualMachineBuilder AddDevice(IPlatformDevice device, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        _devices.Add((name ?? device.GetType().Name, device));
        return this;
    }

    /// <summary>Adds a device to the machine's PCI bus, which it has then. Devices get the slots from 1 on, in the order in which they are added.</summary>
    /// <param name="device">The device; the machine disposes of it. It belongs to one machine.</param>
    /// <param name="name">A name for it, for people and errors; its type's where none is given.</param>
    public VirtualMachineBuilder AddPciDevice(IPciDevice device, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        _pciDevices.Add((name ?? device.GetType().Name, device));
        return this;
    }

    /// <summary>Counts which ports and device pages the guest accesses (<see cref="MachineStatistics.Accesses"/>); it costs a little with each exit.</summary>
    /// <param name="enabled">False: do not.</param>
    public VirtualMachineBuilder CountAccesses(bool enabled = true)
    {
        _countAccesses = enabled;
        return this;
    }

    private VirtualMachineBuilder Configure<TOptions>(Action<TOptions> configure, TOptions options)
    {
        ArgumentNullException.ThrowIfNull(configure);
        configure(options);
        return this;
    }
}
