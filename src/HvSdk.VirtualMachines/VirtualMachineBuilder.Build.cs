using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <content>From the description to a machine.</content>
public sealed partial class VirtualMachineBuilder
{
    /// <summary>Checks everything together and builds the machine. Nothing native is made yet.</summary>
    /// <exception cref="MachineConfigurationException">It cannot be built so; lists everything that is wrong.</exception>
    /// <exception cref="InvalidOperationException">This builder has built its machine: devices belong to one.</exception>
    public VirtualMachine Build()
    {
        if (_isBuilt)
        {
            throw new InvalidOperationException($"This builder has built {_name}, and its devices belong to that. Describe another machine with another builder.");
        }

        HypervisorCapabilities capabilities = _hypervisor.Capabilities;
        List<string> problems = [];
        PlaceVirtioDevices(problems);
        BootImage? image = OpenImage(problems);
        try
        {
            MachineChips chips = IsArm64 ? ChooseGic(capabilities, problems) : ChooseChips(image, capabilities, problems);
            var plan = new MachinePlan(_name, RamLayout.Create(_memory, capabilities, problems), chips.Lines, IsArm64 ? MachineSpace.Arm64 : MachineSpace.Pc);
            var ending = new MachineEnding();
            CheckProcessors(capabilities, problems);
            (BootMachine bootMachine, IReadOnlyList<MachineTable> contents, PowerManagement? power) = IsArm64
                ? CompleteArm64(plan, chips, ending, problems)
                : CompletePc(plan, chips, ending, image);
            NameVirtioDevices(image, plan, problems);
            if (image is not null)
            {
                problems.AddRange(image.FindProblems(bootMachine));
            }

            problems.AddRange(plan.Problems);
            if (problems.Count > 0)
            {
                throw new MachineConfigurationException(_name, problems);
            }

            var blueprint = new MachineBlueprint(_processors, _memory, bootMachine, contents, _board.EndWhenHalted && !IsArm64, _countAccesses, _timeProvider);
            var machine = new VirtualMachine(_hypervisor, plan, blueprint, ending, chips, power, image!);
            image = null;
            _isBuilt = true;
            return machine;
        }
        finally
        {
            image?.Dispose();
        }
    }

    /// <summary>Adds the devices of a PC and writes its tables.</summary>
    private (BootMachine Machine, IReadOnlyList<MachineTable> Tables, PowerManagement? Power) CompletePc(MachinePlan plan, MachineChips chips, MachineEnding ending, BootImage? image)
    {
        BoardDevices board = AddDevices(plan, chips, ending, hasFirmware: image is FirmwareImage);
        MachineTables tables = MachineTables.Create(_board, plan, board, _processors.Count);
        MemoryRange ecam = board.Pci is { } pci ? new MemoryRange(pci.EcamAddress, PciHostBridge.EcamSize) : default;
        board.Firmware?.Describe(plan, tables, _processors.Count, _firmware);
        var machine = new BootMachine { MemoryMap = plan.Ram.CreateMap(ecam), AcpiRootPointer = tables.AcpiRootPointer };
        return (machine, image is FirmwareImage ? [] : tables.Contents, board.Power); // a firmware lays its tables out itself
    }

    private MachineChips ChooseChips(BootImage? image, HypervisorCapabilities capabilities, List<string> problems)
    {
        bool canHost = capabilities.Supports(HypervisorFeatures.FullInterruptController);
        bool canSplit = capabilities.Supports(HypervisorFeatures.PerVcpuInterruptController | HypervisorFeatures.Msi);
        ChipPlacement placement = _board.Chips == ChipPlacement.Automatic && !canHost ? ChipPlacement.Split : _board.Chips;
        if (placement is < ChipPlacement.Automatic or > ChipPlacement.Split)
        {
            problems.Add($"{nameof(BoardOptions)}.{nameof(BoardOptions.Chips)} is {placement}, which is no member of {nameof(ChipPlacement)}. Use Automatic, Host or Split.");
        }
        else if (placement == ChipPlacement.Split ? !canSplit : !canHost)
        {
            problems.Add(
                $"{nameof(BoardOptions)}.{nameof(BoardOptions.Chips)} is {_board.Chips}, and {capabilities.BackendName} on this machine ({capabilities.HostDescription}) " +
                $"keeps {(canHost ? "all chips only" : canSplit ? "the processors' own part only" : "no interrupt controllers")}. " +
                (canHost || canSplit ? $"Use {nameof(ChipPlacement.Automatic)}." : "Use another host."));
        }

        // Linux needs no 8254 where the host tells it the frequency of its clocks. Elsewhere it measures against one, and stops where it finds none that ticks.
        bool timer = _board.IntervalTimer ?? (image is not LinuxImage || !capabilities.Supports(HypervisorFeatures.ParavirtualClock));
        if (timer && placement != ChipPlacement.Split && !capabilities.Supports(HypervisorFeatures.TimerChip))
        {
            problems.Add($"{capabilities.BackendName} keeps no 8254 timer. Set {nameof(BoardOptions)}.{nameof(BoardOptions.Chips)} to {nameof(ChipPlacement.Split)}, or {nameof(BoardOptions.IntervalTimer)} to false.");
        }

        return placement == ChipPlacement.Split ? new SplitChips(timer, _processors.Count) : new HostChips(timer);
    }

    private void CheckProcessors(HypervisorCapabilities capabilities, List<string> problems)
    {
        if (_processors.Count < 1 || _processors.Count > capabilities.MaxVcpus)
        {
            problems.Add(
                $"{nameof(ProcessorOptions)}.{nameof(ProcessorOptions.Count)} is {_processors.Count}, and {capabilities.BackendName} gives a machine 1 to {capabilities.MaxVcpus} here. Set a number of these.");
        }

        if (_processors.TscFrequency is not null && !capabilities.Supports(HypervisorFeatures.CounterFrequencyControl))
        {
            problems.Add($"{nameof(ProcessorOptions)}.{nameof(ProcessorOptions.TscFrequency)} is set, and {capabilities.BackendName} cannot set it here. Leave it null.");
        }
    }

    private BoardDevices AddDevices(MachinePlan plan, MachineChips chips, MachineEnding ending, bool hasFirmware)
    {
        DeviceSlot Add(string name, IPlatformDevice device) => AddSlot(plan, ending, name, device);

        chips.Plan(plan, Add);
        PowerManagement? power = null;
        if (_board.Acpi)
        {
            power = new PowerManagement();
            Add("ACPI power management", power);
        }

        if (_board.CmosClock)
        {
            var clock = new CmosClock();
            clock.SetMemorySize(plan.Ram.LowSize, plan.Ram.HighSize);
            Add("CMOS clock", clock);
        }

        ResetControl? reset = null;
        if (_board.ResetControl)
        {
            reset = new ResetControl { Machine = ending };
            if (!HasPci)
            {
                Add("reset control", reset); // else its port lies among those of the bridge, which passes its accesses on
            }
        }

        FirmwareDescription? firmware = null;
        if (hasFirmware || _firmware.Count > 0)
        {
            var configuration = new FirmwareConfiguration();
            Add("firmware configuration", configuration);
            firmware = new FirmwareDescription(configuration);
        }

        AddOwnDevices(plan, ending);
        PciHostBridge? pci = null;
        if (HasPci)
        {
            pci = CreatePciBridge(plan, reset);
            Add("PCI host bridge", pci); // the last: it takes what is left
        }

        CheckNotifications(plan, power);
        return new BoardDevices(power, reset, pci, firmware);
    }

    /// <summary>Gives each device that notifies the guest an event of its own.</summary>
    private static void CheckNotifications(MachinePlan plan, PowerManagement? power)
    {
        int events = power?.GeneralPurposeEventCount ?? 0;
        if (plan.Notifications.Count > events)
        {
            plan.Problems.Add(
                $"{plan.Notifications.Count} devices want to notify the guest, and the machine has {events} events for it{(power is null ? $"; {nameof(BoardOptions)}.{nameof(BoardOptions.Acpi)} is off" : "")}. Use fewer such devices.");
        }

        for (int i = 0; i < int.Min(plan.Notifications.Count, events); i++)
        {
            plan.Notifications[i].Connect(power!.GetEvent(i));
        }
    }

    private void AddOwnDevices(MachinePlan plan, MachineEnding ending)
    {
        foreach ((string name, IPlatformDevice device) in _devices)
        {
            AddSlot(plan, ending, name, device);
        }
    }

    private DeviceSlot AddSlot(MachinePlan plan, MachineEnding ending, string name, IPlatformDevice device)
    {
        string unique = name;
        for (int i = 2; plan.Slots.Exists(slot => slot.Name == unique); i++)
        {
            unique = FormattableString.Invariant($"{name} {i}");
        }

        var slot = new DeviceSlot(plan, unique, device, _timeProvider, ending);
        plan.Slots.Add(slot);
        try
        {
            slot.Attach();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            plan.Problems.Add($"{unique} cannot join the machine: {e.Message}");
        }

        return slot;
    }

    private BootImage? OpenImage(List<string> problems)
    {
        if (_boot is null)
        {
            problems.Add($"The machine has nothing to boot. Call {nameof(BootLinux)} or {nameof(Boot)}.");
            return null;
        }

        try
        {
            BootImage image = _boot();
            GuestArchitecture architecture = _hypervisor.Capabilities.Architecture;
            if (image.Architecture == architecture)
            {
                return image;
            }

            problems.Add($"The image ({image.Format}) is for {image.Architecture}, and {_hypervisor.Capabilities.BackendName} runs {architecture} guests here. Boot one for {architecture}.");
            image.Dispose();
            return null;
        }
        catch (Exception e) when (e is BootImageException or IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problems.Add(e.Message);
            return null;
        }
    }
}
