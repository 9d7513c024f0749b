namespace HvSdk.Devices.Virtio;

/// <content>The control queue (virtio 1.2, 5.1.6.5).</content>
public sealed partial class NetworkDevice
{
    private bool _isAnnouncing;

    private const int CommandData = 2; // behind class and command

    private void ProcessControl(Virtqueue queue)
    {
        for (int n = 0; queue.TryTake(out DescriptorChain? chain); n++)
        {
            byte answer = chain.TryRead(0, out ushort command) && TryExecute(chain, (byte)command, (byte)(command >> 8)) ? NetworkCommand.Ok : NetworkCommand.Error;
            queue.Complete(chain, chain.Write(0, [answer]));
            if (n >= queue.Size)
            {
                Wake();
                return;
            }
        }
    }

    private bool TryExecute(DescriptorChain chain, byte kind, byte command) => (kind, command) switch
    {
        (NetworkCommand.Receive, <= NetworkCommand.ReceiveAllMulticast) => Has(NetworkFeature.ControlReceive) && TrySetMode(chain, command),
        (NetworkCommand.Receive, <= NetworkCommand.ReceiveNoBroadcast) => Has(NetworkFeature.ControlReceiveExtra) && TrySetMode(chain, command),
        (NetworkCommand.Mac, NetworkCommand.MacTableSet) => Has(NetworkFeature.ControlReceive) && _filter.TrySetTables(chain, CommandData),
        (NetworkCommand.Mac, NetworkCommand.MacAddressSet) => Has(NetworkFeature.ControlMac) && TrySetAddress(chain),
        (NetworkCommand.Vlan, NetworkCommand.VlanAdd or NetworkCommand.VlanRemove) =>
            Has(NetworkFeature.ControlVlan) && chain.TryRead(CommandData, out ushort id) && _filter.TrySetVlan(id, passes: command == NetworkCommand.VlanAdd),
        (NetworkCommand.Announce, NetworkCommand.AnnounceAcknowledge) => Has(NetworkFeature.GuestAnnounce) && EndAnnouncing(),
        (NetworkCommand.MultiQueue, NetworkCommand.MultiQueuePairsSet) => Has(NetworkFeature.MultiQueue) && TrySetPairs(chain),
        (NetworkCommand.GuestOffloads, NetworkCommand.GuestOffloadsSet) => Has(NetworkFeature.ControlGuestOffloads) && TrySetGuestOffloads(chain),
        _ => false,
    };

    /// <summary>Asks the guest to tell its network where it is, as after a move of its machine: Linux sends a gratuitous ARP (virtio 1.2, 5.1.6.5.4). Any thread may call.</summary>
    /// <returns>False: no driver that does this has the device in use.</returns>
    public bool Announce()
    {
        if (!IsActive || !Has(NetworkFeature.GuestAnnounce))
        {
            return false;
        }

        Volatile.Write(ref _isAnnouncing, true);
        NotifyConfigurationChanged();
        return true;
    }

    private bool EndAnnouncing()
    {
        Volatile.Write(ref _isAnnouncing, false);
        return true;
    }

    private bool TrySetMode(DescriptorChain chain, byte command)
    {
        if (!chain.TryRead(CommandData, out byte value))
        {
            return false;
        }

        bool isOn = value != 0;
        switch (command)
        {
            case NetworkCommand.ReceivePromiscuous:
                _filter.IsPromiscuous = isOn;
                break;
            case NetworkCommand.ReceiveAllMulticast:
                _filter.AllMulticast = isOn;
                break;
            case NetworkCommand.ReceiveAllUnicast:
                _filter.AllUnicast = isOn;
                break;
            case NetworkCommand.ReceiveNoMulticast:
                _filter.NoMulticast = isOn;
                break;
            case NetworkCommand.ReceiveNoUnicast:
                _filter.NoUnicast = isOn;
                break;
            default:
                _filter.NoBroadcast = isOn;
                break;
        }

        return true;
    }

    private bool TrySetAddress(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        if (chain.Read(CommandData, bytes) != bytes.Length)
        {
            return false;
        }

        var address = new MacAddress(bytes);
        if (!address.IsStation)
        {
            return false;
        }

        Volatile.Write(ref _currentAddress, address.Value);
        return true;
    }

    private bool TrySetPairs(DescriptorChain chain)
    {
        if (!chain.TryRead(CommandData, out ushort pairs) || pairs < 1 || pairs > _options.QueuePairs)
        {
            return false;
        }

        Volatile.Write(ref _pairs, pairs);
        return true;
    }

    private bool TrySetGuestOffloads(DescriptorChain chain)
    {
        // Only what was agreed upon can be turned on (virtio 1.2, 5.1.6.5.6.2).
        if (!chain.TryRead(CommandData, out ulong offloads) || (offloads & ~(NegotiatedFeatures & NetworkFeature.GuestOffloads)) != 0)
        {
            return false;
        }

        _guestOffloads = offloads;
        return true;
    }
}
