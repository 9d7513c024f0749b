using System.Numerics;

namespace HvSdk.Devices.Virtio;

/// <content>Queues: how a driver sets them up, takes them into use, and resets them one by one.</content>
internal sealed partial class VirtioEndpoint
{
    /// <summary>The setup of a queue, or null: there is none with this number. Written by registers, under <see cref="SetUp"/>.</summary>
    internal QueueSetup? FindSetup(uint index) => index < (uint)_queues.Length ? _queues[index] : null;

    internal Virtqueue? FindQueue(int index) => (uint)index < (uint)_queues.Length ? _queues[index].Queue : null;

    /// <summary>Changes the setup of a queue that is not in use.</summary>
    internal void SetUp(uint index, Action<QueueSetup, ulong> change, ulong value)
    {
        lock (_gate)
        {
            if (FindSetup(index) is { IsReady: false } setup)
            {
                change(setup, value);
            }
        }
    }

    /// <summary>Takes a queue into use, or, with false, out of it.</summary>
    internal void SetReady(uint index, bool isReady)
    {
        if (FindSetup(index) is not { } setup)
        {
            return;
        }

        if (!isReady)
        {
            ResetQueue(setup, keepsSetup: true);
            return;
        }

        lock (_gate)
        {
            if (!setup.IsReady)
            {
                setup.IsReady = true;
                if (IsActive)
                {
                    Open(setup);
                    Wake();
                }
            }
        }
    }

    /// <summary>Resets one queue alone (virtio 1.2, 2.6.1).</summary>
    internal void ResetQueue(uint index)
    {
        if (FindSetup(index) is { } setup)
        {
            ResetQueue(setup, keepsSetup: false);
        }
    }

    private void Open(QueueSetup setup)
    {
        int index = Array.IndexOf(_queues, setup);
        setup.Queue = Open(index, setup.Layout, setup, (VirtioFeatures)_driverFeatures, out string? problem);
        if (problem is not null)
        {
            Break($"Queue {index}: {problem}");
        }
    }

    private Virtqueue? Open(int index, QueueLayout layout, QueueSetup setup, VirtioFeatures features, out string? problem)
    {
        bool isPacked = features.HasFlag(VirtioFeatures.PackedRing);
        problem = FindProblem(layout, setup.MaxSize, isPacked) ?? FindMissingMemory(layout, isPacked);
        return problem is not null ? null
            : isPacked ? new PackedVirtqueue(index, layout, _view!, features) { Counters = setup.Counters }
            : new SplitVirtqueue(index, layout, _view!, features) { Counters = setup.Counters };
    }

    /// <summary>Sizes and alignments of virtio 1.2, 2.7 and 2.8.</summary>
    private static string? FindProblem(QueueLayout layout, int maxSize, bool isPacked)
    {
        if (layout.Size < 1 || layout.Size > maxSize || (!isPacked && !BitOperations.IsPow2(layout.Size)))
        {
            return $"A size of {layout.Size} is not possible.";
        }

        (uint descriptors, uint driver, uint device) = isPacked ? (16U, 4U, 4U) : (16U, 2U, 4U);
        return layout.Descriptors % descriptors != 0 || layout.DriverArea % driver != 0 || layout.DeviceArea % device != 0
            ? $"0x{layout.Descriptors:X}, 0x{layout.DriverArea:X} and 0x{layout.DeviceArea:X} are not multiples of {descriptors}, {driver} and {device}."
            : null;
    }

    private string? FindMissingMemory(QueueLayout layout, bool isPacked)
    {
        ulong size = (ulong)layout.Size;
        (ulong driver, ulong device) = isPacked ? (4UL, 4UL) : (6 + (2 * size), 6 + (8 * size));
        _view!.Enter();
        bool isInMemory = IsInMemory(layout.Descriptors, size * Descriptor.Size) && IsInMemory(layout.DriverArea, driver) && IsInMemory(layout.DeviceArea, device);
        _view.Exit();
        return isInMemory ? null : $"0x{layout.Descriptors:X}, 0x{layout.DriverArea:X} or 0x{layout.DeviceArea:X} is not in memory.";

        bool IsInMemory(ulong address, ulong length) => address + length >= address && _view.Contains(address, length);
    }

    private void ResetQueue(QueueSetup setup, bool keepsSetup)
    {
        setup.Queue?.IsHeld = true;
        lock (_gate)
        {
            Virtqueue? queue = setup.Queue;
            queue?.Close();
            setup.Queue = null;
            setup.IsReady = false;
            if (!keepsSetup)
            {
                setup.Reset();
            }

            if (queue is not null)
            {
                Guard(device => device.OnQueueReset(queue));
            }
        }
    }

    private void HoldQueues()
    {
        foreach (QueueSetup setup in _queues)
        {
            setup.Queue?.IsHeld = true;
        }
    }
}
