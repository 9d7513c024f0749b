using System.Globalization;
using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Writes the device tree of an arm64 machine: processors that start by PSCI, GICv3, architected timer, memory, clocks, devices.</summary>
public static class Arm64DeviceTree
{
    /// <summary>Finds what of a machine its device tree cannot tell.</summary>
    /// <param name="platform">The machine.</param>
    /// <returns>A sentence for each problem, with its remedy; empty where there is none.</returns>
    public static IReadOnlyList<string> FindProblems(Arm64Platform platform)
    {
        var problems = new List<string>();
        Build(platform, problems);
        return problems;
    }

    /// <summary>Builds the tree. What an image adds to it goes into its node "chosen".</summary>
    /// <param name="platform">The machine.</param>
    /// <exception cref="ArgumentException"><see cref="FindProblems"/> finds something.</exception>
    public static DeviceTree Build(Arm64Platform platform)
    {
        var problems = new List<string>();
        DeviceTree tree = Build(platform, problems);
        return problems.Count == 0 ? tree : throw new ArgumentException(string.Join(' ', problems), nameof(platform));
    }

    private static DeviceTree Build(Arm64Platform platform, List<string> problems)
    {
        ArgumentNullException.ThrowIfNull(platform);
        var tree = new DeviceTree();
        DeviceTreeNode gic = Arm64PlatformNodes.Add(tree, platform);
        var devices = new DeviceNodes(tree.Root, gic.Phandle);
        foreach (DeviceDescription device in platform.Devices)
        {
            if (device.DeviceTree is not null)
            {
                devices.Add(device, problems);
            }
        }

        if (devices.Console is { } console)
        {
            tree.Root.Find("chosen")!.Set("stdout-path", $"/{console}");
        }

        return tree;
    }

    /// <summary>The nodes of the devices, and the clocks that feed them.</summary>
    private sealed class DeviceNodes(DeviceTreeNode root, uint gic)
    {
        private const string SerialNode = "serial";

        private readonly Dictionary<uint, DeviceTreeNode> _clocks = [];

        /// <summary>The name of the first serial port's node, or null.</summary>
        public string? Console { get; private set; }

        public void Add(DeviceDescription device, List<string> problems)
        {
            DeviceTreeIdentity identity = device.DeviceTree!;
            DeviceWindow[] windows = [.. device.Windows.Where(static window => window.Space == BusSpace.Mmio)];
            string name = windows.Length == 0 ? identity.NodeName : string.Create(CultureInfo.InvariantCulture, $"{identity.NodeName}@{windows[0].Address:x}");
            try
            {
                Fill(root.Add(name), device, identity, windows);
            }
            catch (ArgumentException e)
            {
                problems.Add($"{device.Name} cannot be in the device tree: {e.Message}");
                return;
            }

            if (identity.NodeName == SerialNode)
            {
                Console ??= name;
            }
        }

        private void Fill(DeviceTreeNode node, DeviceDescription device, DeviceTreeIdentity identity, DeviceWindow[] windows)
        {
            if (identity.Compatible is not { Count: > 0 })
            {
                throw new ArgumentException($"{nameof(DeviceTreeIdentity.Compatible)} is empty, and a guest finds a driver by it. Name at least one.");
            }

            node.Set("compatible", DeviceTreeValue.Of(identity.Compatible));
            if (windows.Length > 0)
            {
                node.SetNumbers("reg", [.. windows.SelectMany(static window => new[] { window.Address, window.Size })]);
            }

            if (device.Lines.Count > 0)
            {
                node.Set("interrupt-parent", gic);
                node.Set("interrupts", [.. device.Lines.SelectMany(static line => GicInterrupt.Shared(line.Number, line.Sense))]);
            }

            if (identity.Clocks.Count > 0)
            {
                node.Set("clocks", [.. identity.Clocks.Select(clock => ClockOf(clock.Frequency).Phandle)]);
                node.Set("clock-names", [.. identity.Clocks.Select(static clock => clock.Name)]);
            }

            foreach ((string property, DeviceTreeValue value) in identity.Properties)
            {
                node.Set(property, value);
            }
        }

        private DeviceTreeNode ClockOf(uint frequency)
        {
            if (!_clocks.TryGetValue(frequency, out DeviceTreeNode? clock))
            {
                clock = root.Add(string.Create(CultureInfo.InvariantCulture, $"clock-{frequency}"))
                    .Set("compatible", "fixed-clock")
                    .Set("#clock-cells", 0)
                    .Set("clock-frequency", frequency);
                _clocks.Add(frequency, clock);
            }

            return clock;
        }
    }
}
