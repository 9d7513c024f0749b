namespace HvSdk.VirtualMachines;

/// <summary>What others want done by a processor's own thread, which alone may use its vCPU.</summary>
internal sealed class ProcessorWork
{
    private readonly Queue<Item> _items = new();
    private bool _isEnded;

    /// <summary>There is something to do.</summary>
    public bool IsDue
    {
        get
        {
            lock (_items)
            {
                return _items.Count > 0;
            }
        }
    }

    /// <exception cref="InvalidOperationException">The processor has ended.</exception>
    public Task<TResult> Add<TResult>(Func<Vcpu, TResult> action)
    {
        var item = new Item<TResult>(action);
        lock (_items)
        {
            if (_isEnded)
            {
                throw Ended();
            }

            _items.Enqueue(item);
        }

        return item.Task;
    }

    /// <summary>Does what is due first, on the processor's thread.</summary>
    /// <returns>False: nothing was.</returns>
    public bool TryDo(Vcpu vcpu)
    {
        Item? item;
        lock (_items)
        {
            _items.TryDequeue(out item);
        }

        item?.Do(vcpu);
        return item is not null;
    }

    /// <summary>No more is done: what is due fails.</summary>
    public void End()
    {
        lock (_items)
        {
            _isEnded = true;
            while (_items.TryDequeue(out Item? item))
            {
                item.Fail(Ended());
            }
        }
    }

    private static InvalidOperationException Ended() => new("The machine has ended, and its processors with it.");

    private abstract class Item
    {
        public abstract void Do(Vcpu vcpu);

        public abstract void Fail(Exception reason);
    }

    private sealed class Item<TResult>(Func<Vcpu, TResult> action) : Item
    {
        private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<TResult> Task => _completion.Task;

        public override void Do(Vcpu vcpu)
        {
            try
            {
                _completion.SetResult(action(vcpu));
            }
#pragma warning disable CA1031 // the caller's affair, who gets it by the task
            catch (Exception e)
#pragma warning restore CA1031
            {
                _completion.SetException(e);
            }
        }

        public override void Fail(Exception reason) => _completion.TrySetException(reason);
    }
}
