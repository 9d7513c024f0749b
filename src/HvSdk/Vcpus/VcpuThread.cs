namespace HvSdk;

/// <summary>A thread for one vCPU: it creates the vCPU, uses it and disposes of it.</summary>
internal static class VcpuThread
{
    internal static Task<TResult> Start<TResult>(
        Partition partition, int index, Func<Vcpu, CancellationToken, TResult> body, CancellationToken cancellationToken)
    {
        var completion = new TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => Run(partition, index, body, completion, cancellationToken))
        {
            IsBackground = true,
            Name = $"HvSdk {partition.Name} vCPU {index}",
        };
        thread.Start();
        return completion.Task;
    }

    private static void Run<TResult>(
        Partition partition, int index, Func<Vcpu, CancellationToken, TResult> body, TaskCompletionSource<TResult> completion, CancellationToken cancellationToken)
    {
        TResult result;
        try
        {
            using Vcpu vcpu = partition.CreateVcpu(index);
            result = body(vcpu, cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            completion.SetCanceled(e.CancellationToken);
            return;
        }
#pragma warning disable CA1031 // whatever the body throws belongs to whoever awaits the task
        catch (Exception e)
#pragma warning restore CA1031
        {
            completion.SetException(e);
            return;
        }

        completion.SetResult(result);
    }
}
